import { createContext, useContext } from "react";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { api, got, setCsrf, type Role, type Schemas } from "./client";

const RANKS: Record<Role, number> = { reader: 0, contributor: 1, owner: 2 };

type Session = Schemas["SessionContent"];
const SessionContext = createContext<Session | null>(null);
export const SessionProvider = SessionContext.Provider;

export function useSessionQuery() {
  return useQuery({
    queryKey: ["session"],
    queryFn: async () => {
      const session = await got(api.GET("/api/v1/session"));
      setCsrf(session.csrf);
      return session;
    },
    staleTime: Infinity,
  });
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error("There is no session.");
  return session;
}

/** Whether the user may do what needs that role; the server has the last word. */
export function useMay(needed: Role): boolean {
  const { role } = useSession();
  return RANKS[role as Role] >= RANKS[needed];
}

/** The workspace in the address. */
export function useWorkspace(): string {
  return useParams().workspace ?? "";
}
