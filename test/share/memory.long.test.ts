import { staysFlat } from "./memory-suite.ts";

staysFlat("lan", 1024, 1 / 8);
staysFlat("relay", 1024, 1 / 8);
