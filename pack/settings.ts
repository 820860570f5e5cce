/** The tables of the relay's settings in its pages, drawn from the one list that the relay reads: a part of `npm run docs`. */
import { readFileSync, writeFileSync } from "node:fs";

const { redrawnExample, redrawnReadme } = await import("../../relay/dist/config/tables.js" as string);

const PAGES: Record<string, (page: string) => string> = {
  "relay/README.md": redrawnReadme,
  "relay/deploy/.env.example": redrawnExample,
};
for (const [page, redrawn] of Object.entries(PAGES)) writeFileSync(page, redrawn(readFileSync(page, "utf8")));
