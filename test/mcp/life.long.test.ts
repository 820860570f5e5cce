/** Every way to end a server in every situation, but for those that life.process.test.ts shows. */
import {
  CAUSES,
  type Cause,
  itEnds,
  itSurvivesItsReceiver,
  itSurvivesItsSender,
  SITUATIONS,
  twoServers,
} from "./life-suite.ts";

const two = twoServers();

const causes = Object.keys(CAUSES) as Cause[];
const situations = Object.keys(SITUATIONS) as (keyof typeof SITUATIONS)[];
for (const [at, situation] of situations.entries()) {
  for (const cause of causes) if (cause !== causes[at % causes.length]) itEnds(cause, situation, two);
}

itSurvivesItsReceiver("relay", two);
itSurvivesItsSender("lan", two);
