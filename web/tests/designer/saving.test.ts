import { expect, test, vi } from "vitest";
import { setParameter } from "../../src/designer/edits";
import { Saver, type Keeper } from "../../src/designer/saving";
import { CanvasStore } from "../../src/designer/store";
import type { Draft } from "../../src/designer/types";
import { STUDY } from "./samples";

class Newer extends Error {}

/** A server that keeps versions and refuses what was not made from the newest. */
function keeper() {
  const versions: Draft[] = [STUDY];
  const put = vi.fn((draft: Draft, base: number) => {
    if (base !== versions.length) return Promise.reject(new Newer("Changed."));
    versions.push(draft);
    return Promise.resolve(versions.length);
  });
  return { versions, put };
}

function opened(put: Keeper["put"], wait = 0) {
  const store = new CanvasStore(STUDY);
  const saver = new Saver(store, { version: 1, draft: STUDY }, { put, isConflict: (error) => error instanceof Newer }, wait);
  const stop = saver.follow();
  const edit = (fraction: number) => store.edit((draft) => setParameter(draft, "parts", "fraction", fraction));
  return { store, saver, stop, edit };
}

test("changes close together are saved once", async () => {
  const { versions, put } = keeper();
  const { saver, edit } = opened(put);
  edit(0.1);
  edit(0.2);
  expect(saver.get().phase).toBe("waiting");
  await vi.waitFor(() => expect(saver.get()).toMatchObject({ phase: "kept", version: 2 }));
  expect(put).toHaveBeenCalledTimes(1);
  expect(versions[1]?.pipeline.steps.parts?.component?.parameters).toEqual({ fraction: 0.2 });
});

test("what changes while saving is saved afterwards", async () => {
  const { versions, put } = keeper();
  let answer: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (answer = resolve));
  const { saver, edit } = opened(async (draft, base) => {
    await held;
    return put(draft, base);
  });
  edit(0.1);
  const saved = saver.flush();
  edit(0.2);
  answer();
  await saved;
  await vi.waitFor(() => expect(saver.get()).toMatchObject({ phase: "kept", version: 3 }));
  expect(versions.at(-1)?.pipeline.steps.parts?.component?.parameters).toEqual({ fraction: 0.2 });
});

test("what could not be saved is saved once the server answers again", async () => {
  const { versions, put } = keeper();
  const store = new CanvasStore(STUDY);
  let isAway = true;
  const away = (draft: Draft, base: number) => isAway ? Promise.reject(new TypeError("Failed to fetch")) : put(draft, base);
  const saver = new Saver(store, { version: 1, draft: STUDY }, { put: away, isConflict: () => false }, 0, 0);
  const stop = saver.follow();
  store.edit((draft) => setParameter(draft, "parts", "fraction", 0.1));
  await vi.waitFor(() => expect(saver.get().phase).toBe("failed"));
  isAway = false;
  await vi.waitFor(() => expect(saver.get()).toMatchObject({ phase: "kept", version: 2, error: null }));
  expect(versions[1]?.pipeline.steps.parts?.component?.parameters).toEqual({ fraction: 0.1 });
  stop();
});

test("what is undone before it is saved is not saved", async () => {
  const { put } = keeper();
  const { store, saver, edit } = opened(put, 60_000);
  edit(0.1);
  store.undo();
  expect(saver.get().phase).toBe("kept");
  expect(await saver.flush()).toBe(1);
  expect(put).not.toHaveBeenCalled();
});

test("a conflict overwrites nothing and stays until it is settled", async () => {
  const { versions, put } = keeper();
  const { saver, edit } = opened(put);
  versions.push(setParameter(STUDY, "parts", "fraction", 0.9));
  edit(0.1);
  await vi.waitFor(() => expect(saver.get().phase).toBe("conflict"));
  edit(0.2);
  await expect(saver.flush()).rejects.toThrow("Changed.");
  expect(versions).toHaveLength(2);
  saver.goOn({ version: 2, draft: STUDY });
  expect(await saver.flush()).toBe(3);
});

test("a failure is told, and the next change tries again", async () => {
  const { put } = keeper();
  const { saver, edit } = opened(put);
  put.mockRejectedValueOnce(new Error("away"));
  edit(0.1);
  await vi.waitFor(() => expect(saver.get()).toMatchObject({ phase: "failed", error: new Error("away") }));
  edit(0.2);
  await vi.waitFor(() => expect(saver.get()).toMatchObject({ phase: "kept", version: 2 }));
});

test("what is left when the page goes is saved", async () => {
  const { versions, put } = keeper();
  const { stop, edit } = opened(put, 60_000);
  edit(0.1);
  stop();
  await vi.waitFor(() => expect(versions).toHaveLength(2));
});
