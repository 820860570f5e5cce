import { testRestarts } from "./restart-suite.ts";

testRestarts("SIGKILL", 100, 3);
