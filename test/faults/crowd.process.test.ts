import { testReceivers, testShares } from "./crowd-suite.ts";

testShares(10);
testReceivers(10, "lan");
