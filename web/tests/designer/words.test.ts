import { expect, test } from "vitest";
import { problemText } from "../../src/designer/words";
import { en } from "../../src/text/en";
import { pt } from "../../src/text/pt";
import { made } from "../../src/text/text";

test("problems that are met most often are told in the user's language, others as they come", () => {
  const open = "nothing is connected; Train model needs a learner there";
  const said = (message: string) => problemText(made(pt, "pt", "pt-PT"), message);
  expect(said(open)).toBe("nada está ligado; recebe: modelo por treinar");
  expect(said("a value is needed")).toBe("falta um valor");
  expect(said("data has no column 'x'")).toBe("data has no column 'x'");
  expect(problemText(made(en, "en", "en-GB"), open)).toBe(open);
});
