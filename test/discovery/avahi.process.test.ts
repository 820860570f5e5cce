import { testSameMachine } from "./avahi-suite.ts";

testSameMachine();
