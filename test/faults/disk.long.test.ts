import { startSender, testFullMidway, testUnwritableMidway } from "./disk-suite.ts";

startSender();
testFullMidway("relay");
testUnwritableMidway("relay");
