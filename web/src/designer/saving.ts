import { createContext, useContext, useSyncExternalStore } from "react";
import type { CanvasStore } from "./store";
import type { Draft } from "./types";

export type Kept = { version: number; draft: Draft };
export type Phase = "kept" | "waiting" | "saving" | "failed" | "conflict";
export type Saving = Kept & { phase: Phase; error: Error | null };

/** Where drafts are kept. */
export type Keeper = {
  /** Saves a draft made from a version, and gives the new version. */
  put: (draft: Draft, base: number) => Promise<number>;
  /** Whether it was refused because there is a newer version. */
  isConflict: (error: unknown) => boolean;
};

const WAIT_MILLISECONDS = 1_200;
/** After this long it is tried again to save what could not be saved. */
const AGAIN_MILLISECONDS = 5_000;

/** Saves the draft a moment after each change, as a version after the one that it was made from. */
export class Saver {
  private state: Saving;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private running: Promise<void> | null = null;
  private isFollowing = false;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly store: CanvasStore,
    kept: Kept,
    private readonly keeper: Keeper,
    private readonly wait = WAIT_MILLISECONDS,
    private readonly again = AGAIN_MILLISECONDS,
  ) {
    this.state = { ...kept, phase: "kept", error: null };
  }

  readonly get = (): Saving => this.state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Follows the canvas until the function that it gives is called; what is left is saved then. */
  readonly follow = (): (() => void) => {
    const stop = this.store.subscribe(this.noticed);
    this.isFollowing = true;
    this.noticed();
    return () => {
      stop();
      this.isFollowing = false;
      void this.flush().catch(() => undefined);
    };
  };

  readonly isDirty = (): boolean => this.store.draft() !== this.state.draft;

  /** Saves what is not saved, and gives the version. */
  readonly flush = async (): Promise<number> => {
    this.stopWaiting();
    while (this.running) await this.running;
    if (this.state.phase === "conflict") throw this.state.error ?? new Error("conflict");
    if (this.isDirty()) await this.save();
    return this.state.version;
  };

  /** Goes on from a version that is there now. */
  readonly goOn = (kept: Kept): void => {
    this.set({ ...kept, phase: "kept", error: null });
    this.noticed();
  };

  private readonly noticed = (): void => {
    if (this.state.phase === "conflict" || this.state.phase === "saving") return;
    this.stopWaiting();
    if (!this.isDirty()) {
      if (this.state.phase !== "kept") this.set({ phase: "kept", error: null });
      return;
    }
    if (this.state.phase !== "waiting") this.set({ phase: "waiting", error: null });
    this.saveIn(this.wait);
  };

  private saveIn(milliseconds: number): void {
    this.timer = setTimeout(() => void this.flush().catch(() => undefined), milliseconds);
  }

  private async save(): Promise<void> {
    const draft = this.store.draft();
    const saved = this.keeper.put(draft, this.state.version).then(
      (version) => this.set({ version, draft, phase: "kept", error: null }),
      (error: unknown) => {
        const isConflict = this.keeper.isConflict(error);
        this.set({ phase: isConflict ? "conflict" : "failed", error: error as Error });
        if (!isConflict && this.isFollowing) this.saveIn(this.again);
        throw error;
      },
    );
    this.set({ phase: "saving" });
    this.running = saved.catch(() => undefined);
    try {
      await saved;
    } finally {
      this.running = null;
    }
    this.noticed();
  }

  private stopWaiting(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private set(change: Partial<Saving>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}

export const SaverContext = createContext<Saver | null>(null);

export function useSaver(): Saver {
  const saver = useContext(SaverContext);
  if (saver === null) throw new Error("There is no draft.");
  return saver;
}

export function useSaving(): Saving {
  const saver = useSaver();
  return useSyncExternalStore(saver.subscribe, saver.get);
}
