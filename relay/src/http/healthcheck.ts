/** `healthcheck`: how a relay is, as an exit code, for containers and cron. */
import { get } from "node:http";
import { get as getSecure } from "node:https";
import { DEFAULTS, type Settings } from "../config/settings.ts";
import { urlHost } from "./url.ts";

/** How long the relay may take to answer, in ms: one that takes longer is not well. */
const ANSWER_MS = 5_000;

/** The relay that these settings would start, as seen from its own machine. */
export function ownHealthUrl(options: Partial<Settings>): string {
  const { host, port, tlsCert } = { ...DEFAULTS, ...options };
  const here = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `${tlsCert === "" ? "http" : "https"}://${urlHost(here)}:${port}/health`;
}

/** @returns what is wrong, as a sentence; undefined if nothing is. */
export function healthProblem(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = (error: Error & { code?: string }) => resolve(`no answer (${error.code ?? "unknown"})`);
    try {
      // The certificate is for those who come from outside, under the relay's public name.
      const options = { timeout: ANSWER_MS, rejectUnauthorized: false };
      const request = (url.startsWith("https:") ? getSecure : get)(url, options, (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? undefined : `HTTP ${response.statusCode}`);
      });
      request.on("timeout", () => request.destroy(Object.assign(new Error("late"), { code: "ETIMEDOUT" })));
      request.on("error", failed);
    } catch {
      resolve("that is not an http:// or https:// address");
    }
  });
}
