import {
  startSender,
  testFullBefore,
  testFullMidway,
  testFullSender,
  testUnwritableBefore,
  testUnwritableMidway,
} from "./disk-suite.ts";

startSender();
testFullBefore();
testFullMidway("lan");
testFullSender();
testUnwritableBefore();
testUnwritableMidway("lan");
