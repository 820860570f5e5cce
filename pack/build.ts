/** The last step of `npm run build`: the server as one file, which starts in two thirds of the time that its modules take. */
import { join } from "node:path";
import { bundleServer, ROOT } from "./bundle.ts";

await bundleServer(join(ROOT, "dist", "claude-spread.js"));
