import { it } from "vitest";
import { expectSameInPieces } from "./pieces.ts";

it("redacts a text as without any cuts, wherever it is cut, and of whatever it is made", () =>
  expectSameInPieces(20, 2_200_000));
