/** The life of a server by itself: all ways to end it in all that it may be busy with, beside those of life.process.test.ts. */
import { endsAlone, OTHERS } from "./life-suite.ts";

endsAlone(OTHERS);
