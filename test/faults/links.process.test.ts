/** One case for each kind of fault of a link: links.long.test.ts has all others. */
import { FEW_STROKES, startPeople, testBothWays, testPause, testSlow, testStall, testStrokes } from "./links-suite.ts";

startPeople();
testStrokes(FEW_STROKES);
testSlow("lan");
testPause("relay");
testStall("lan", "middle");
testBothWays();
