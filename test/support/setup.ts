/** Runs in front of every test file. Hooks are set here and not in later.ts: modules can be loaded once for many files. */
import { afterAll, afterEach } from "vitest";
import { closeFile, closeTest } from "./later.ts";

afterEach(closeTest);
afterAll(closeFile);
