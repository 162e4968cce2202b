import { createContext, useContext, useSyncExternalStore } from "react";
import { begun, changed, redone, undone, type History } from "./history";
import type { Draft, Point } from "./types";

/** What is on the canvas: the draft with its earlier states, what is selected, and what moves. */
export type Canvas = {
  history: History<Draft>;
  selected: ReadonlySet<string>;
  /** Where things are while they are dragged. */
  moving: Readonly<Record<string, Point>> | null;
};

/** The one place where the canvas is kept; what happens to it are pure functions. */
export class CanvasStore {
  private state: Canvas;
  private readonly listeners = new Set<() => void>();

  constructor(draft: Draft) {
    this.state = { history: begun(draft), selected: new Set(), moving: null };
  }

  readonly get = (): Canvas => this.state;
  readonly draft = (): Draft => this.state.history.present;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly update = (change: (state: Canvas) => Canvas): void => {
    const next = change(this.state);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener();
  };

  /** Changes the draft; changes of the same subject in a row are undone together. */
  readonly edit = (change: (draft: Draft) => Draft, subject: string | null = null): void =>
    this.update((state) => ({ ...state, moving: null, history: changed(state.history, change(state.history.present), subject) }));

  readonly undo = (): void => this.update((state) => ({ ...state, history: undone(state.history) }));
  readonly redo = (): void => this.update((state) => ({ ...state, history: redone(state.history) }));
  readonly select = (ids: Iterable<string>): void => this.update((state) => ({ ...state, selected: new Set(ids) }));
}

export const StoreContext = createContext<CanvasStore | null>(null);

export function useStore(): CanvasStore {
  const store = useContext(StoreContext);
  if (store === null) throw new Error("There is no canvas.");
  return store;
}

/** A part of the canvas; the caller is drawn again when that part changes. */
export function useCanvas<T>(part: (state: Canvas) => T): T {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => part(store.get()));
}

export const useDraft = (): Draft => useCanvas((state) => state.history.present);
