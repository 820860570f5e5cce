/** One case for each kind of fault of a link: links.long.test.ts has all others. */
import { FEW_CASES, startPeople, testBothWays, testCases, testPause, testSlow, testStall } from "./links-suite.ts";

startPeople();
testCases(FEW_CASES);
testSlow("lan");
testPause("relay");
testStall("lan", "middle");
testBothWays();
