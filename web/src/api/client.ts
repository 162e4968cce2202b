import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type RunRecord = Schemas["RunRecord"];
export type RunStatus = Schemas["RunStatus"];
export type Role = "reader" | "contributor" | "owner";

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** What the server says went wrong: what, why and what to do next. */
export class StudioError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly hint: string,
    readonly status: number,
  ) {
    super(message);
    this.name = "StudioError";
  }
}

let csrf: string | null = null;

/** Has requests that change something carry the session's value. */
export function setCsrf(value: string | null): void {
  csrf = value;
}

export function toLogin(): void {
  location.assign(`/login?${new URLSearchParams({ next: location.pathname + location.search })}`);
}

export async function errorOf(response: Response): Promise<StudioError> {
  try {
    const body = (await response.json()) as { error: Schemas["ErrorContent"] };
    return new StudioError(body.error.message, body.error.code, body.error.hint, response.status);
  } catch {
    return new StudioError(`${response.status} ${response.statusText}`, "error", "", response.status);
  }
}

const ours: Middleware = {
  onRequest({ request }) {
    if (csrf !== null && !SAFE.has(request.method)) request.headers.set("X-CSRF-Token", csrf);
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return;
    if (response.status === 401) toLogin();
    throw await errorOf(response);
  },
};

export const api = createClient<paths>({ baseUrl: location.origin });
api.use(ours);

/** What was answered; whatever is not an answer was thrown before. */
export async function got<T>(asked: Promise<{ data?: T }>): Promise<NonNullable<T>> {
  const { data } = await asked;
  if (data === undefined || data === null) throw new StudioError("The answer is empty.", "error", "", 200);
  return data;
}

/** Sends a change that must arrive although the page goes away. */
export function sendLast(path: string, method: "DELETE" | "POST"): void {
  const headers: Record<string, string> = csrf === null ? {} : { "X-CSRF-Token": csrf };
  void fetch(path, { method, headers, keepalive: true });
}

export function contentUrl(workspace: string, run: string, name: string, inline = false): string {
  const path = name.split("/").map(encodeURIComponent).join("/");
  const base = `/api/v1/workspaces/${encodeURIComponent(workspace)}/runs/${encodeURIComponent(run)}`;
  return `${base}/content/${path}${inline ? "?inline=true" : ""}`;
}
