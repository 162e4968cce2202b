import { Anchor, Container, List } from "@mantine/core";
import { Link, Navigate } from "react-router";
import { Code } from "../parts/code";
import { Page } from "../parts/page";
import { Empty, Loaded } from "../parts/states";
import { useText } from "../text/text";
import { useWorkspaces } from "./shell";

/** The workspaces of the server; where it has one, that one. */
export function Start() {
  const text = useText();
  const workspaces = useWorkspaces();
  return (
    <Loaded from={workspaces}>
      {(all) => {
        const [only] = all;
        if (only && all.length === 1) return <Navigate to={`/${encodeURIComponent(only.name)}/`} replace />;
        return (
          <Container component="main" size="sm" py="xl">
            <Page title={text("start.title")}>
              {all.length === 0 && (
                <Empty title={text("start.none")}>
                  <Code code="tandemlab workspace create lab" label={text("code.shell")} />
                </Empty>
              )}
              <List>
                {all.map(({ name, description }) => (
                  <List.Item key={name}>
                    <Anchor component={Link} to={`/${encodeURIComponent(name)}/`}>{name}</Anchor> {description}
                  </List.Item>
                ))}
              </List>
            </Page>
          </Container>
        );
      }}
    </Loaded>
  );
}
