/** One change of a network: network.long.test.ts has all others. */
import { testOtherAddress } from "./network-suite.ts";

testOtherAddress();
