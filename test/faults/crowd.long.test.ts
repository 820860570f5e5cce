import { testReceivers, testShares } from "./crowd-suite.ts";

testShares(100);
testReceivers(50, "lan");
testReceivers(50, "relay");
