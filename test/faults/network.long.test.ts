/** All faults of a network that network.process.test.ts leaves out. */
import { testAway, testBadNetwork, testInterruption, testSilentRelay, testSilentSender } from "./network-suite.ts";

testBadNetwork("lan");
testBadNetwork("relay");
testSilentSender();
testSilentRelay();
testAway(false);
testAway(true);
testInterruption("the same address");
testInterruption("another address");
