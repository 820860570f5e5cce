/** All faults of a link that links.process.test.ts leaves out. */
import { OTHER_STROKES, startPeople, testPause, testSlow, testStall, testStrokes } from "./links-suite.ts";

startPeople();
testStrokes(OTHER_STROKES);
testSlow("relay");
testPause("lan");
testStall("lan", "OFFER");
testStall("relay", "middle");
