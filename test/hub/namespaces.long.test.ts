import { OTHERS, sharedHome } from "./namespaces-suite.ts";

sharedHome(OTHERS.filter(([which]) => which !== "both"));
