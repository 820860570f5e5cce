import { staysFlat } from "./memory-suite.ts";

staysFlat("lan", 256, 1 / 2);
