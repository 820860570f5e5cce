import { testRestarts } from "./restart-suite.ts";

testRestarts("SIGTERM", 20, 1);
