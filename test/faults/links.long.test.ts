/** All faults of a link that links.process.test.ts leaves out. */
import { OTHER_CASES, startPeople, testCases, testPause, testSlow, testStall } from "./links-suite.ts";

startPeople();
testCases(OTHER_CASES);
testSlow("relay");
testPause("lan");
testStall("lan", "OFFER");
testStall("relay", "middle");
