import { testOtherMachine } from "./avahi-suite.ts";

testOtherMachine();
