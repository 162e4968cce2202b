import { Suspense } from "react";
import {
  ActionIcon, Anchor, AppShell, Burger, Center, Group, Loader, Menu, NavLink as Item, ScrollArea,
  Select, Text, VisuallyHidden, useComputedColorScheme, useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link, NavLink, Outlet, useLocation, useMatch, useNavigate } from "react-router";
import { api, got, type Role } from "../api/client";
import { useSession, useWorkspace } from "../api/session";
import { Boundary } from "../parts/boundary";
import { Icon } from "../parts/icon";
import { LANGUAGES, useLanguage, useText, type Language } from "../text/text";
import { SECTIONS } from "./sections";
import { Tour, TourProvider, useTour } from "./tour";
import mark from "../icon.svg";

/** What surrounds every page of a workspace. */
export function Shell() {
  const text = useText();
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const isWide = useMatch("/:workspace/designer/:name") !== null;
  return (
    <TourProvider>
      <AppShell
        header={{ height: 52 }}
        navbar={{ width: 212, breakpoint: "sm", collapsed: { mobile: !isOpen, desktop: isWide && !isOpen } }}
        padding={{ base: "sm", sm: "lg" }}
      >
        <a className="skip" href="#page">{text("shell.skip")}</a>
        <AppShell.Header>
          <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
            <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
              <Burger
                opened={isOpen} onClick={toggle} size="sm" {...(isWide ? {} : { hiddenFrom: "sm" })}
                aria-label={text("shell.menu")} aria-expanded={isOpen}
              />
              <Anchor component={Link} to="/" underline="never" c="inherit" aria-label="tandemlab">
                <Group gap={8} wrap="nowrap">
                  <img src={mark} alt="" width={24} height={24} />
                  <Text fw={650} visibleFrom="xs">tandemlab</Text>
                </Group>
              </Anchor>
              <Workspaces />
            </Group>
            <Group gap={6} wrap="nowrap">
              <Help />
              <Languages />
              <ColourScheme />
              <User />
            </Group>
          </Group>
        </AppShell.Header>
        <AppShell.Navbar p="xs">
          <AppShell.Section grow component={ScrollArea}>
            <Navigation onNavigate={close} />
          </AppShell.Section>
        </AppShell.Navbar>
        <AppShell.Main id="page" tabIndex={-1}>
          <Boundary at={pathname}>
            <Suspense fallback={<Center mih="40vh"><Loader role="status" aria-label={text("loading")} /></Center>}>
              <Outlet />
            </Suspense>
          </Boundary>
        </AppShell.Main>
      </AppShell>
      <Tour />
    </TourProvider>
  );
}

function Navigation({ onNavigate }: { onNavigate: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const { pathname } = useLocation();
  const base = `/${encodeURIComponent(workspace)}`;
  const here = pathname.slice(base.length + 1).split("/")[0] ?? "";
  return SECTIONS.map(({ path, title, icon }) => (
    <Item
      key={path}
      component={NavLink}
      to={path ? `${base}/${path}` : `${base}/`}
      end={path === ""}
      active={here === path}
      label={text(title)}
      leftSection={<Icon name={icon} />}
      onClick={onNavigate}
      style={{ borderRadius: 6 }}
      className="section"
    />
  ));
}

function Workspaces() {
  const text = useText();
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const { data } = useWorkspaces();
  if (!data || data.length < 2) return <Text size="sm" className="truncated">{workspace}</Text>;
  return (
    <Select
      size="xs"
      w={180}
      aria-label={text("shell.workspace")}
      allowDeselect={false}
      searchable={data.length > 8}
      value={workspace}
      data={data.map(({ name }) => name)}
      onChange={(name) => name && void navigate(`/${encodeURIComponent(name)}/`)}
    />
  );
}

export function useWorkspaces() {
  return useQuery({
    queryKey: ["workspaces"],
    queryFn: () => got(api.GET("/api/v1/workspaces")),
    staleTime: 60_000,
  });
}

function Languages() {
  const text = useText();
  const [language, setLanguage] = useLanguage();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg">
          <VisuallyHidden>{`${text("shell.language")}: ${LANGUAGES[language]} `}</VisuallyHidden>
          <Text size="xs" fw={600} c="var(--mantine-color-text)">{language.toUpperCase()}</Text>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(LANGUAGES).map(([each, name]) => (
          <Menu.Item key={each} lang={each} onClick={() => setLanguage(each as Language)}>{name}</Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function ColourScheme() {
  const text = useText();
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "light" ? "dark" : "light";
  return (
    <ActionIcon
      variant="subtle" color="gray" size="lg" c="var(--mantine-color-text)"
      aria-label={text(`shell.${other}`)}
      onClick={() => setColorScheme(other)}
    >
      <Icon name={other === "dark" ? "moon" : "sun"} />
    </ActionIcon>
  );
}

function Help() {
  const text = useText();
  const begin = useTour();
  return (
    <Menu position="bottom-end" returnFocus={false}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" c="var(--mantine-color-text)" aria-label={text("shell.help")}>
          <Icon name="help" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={begin}>{text("tour.take")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function User() {
  const text = useText();
  const { user, role, csrf } = useSession();
  const logOut = async () => {
    await api.POST("/logout", { parseAs: "text" });
    location.assign("/login?next=/studio/");
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" radius="xl" size="lg">
          <VisuallyHidden>{`${text("shell.user", { user })} `}</VisuallyHidden>
          <Text size="xs" fw={650}>{user.slice(0, 2).toUpperCase()}</Text>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label c="dimmed">{user} · {text(`role.${role as Role}`)}</Menu.Label>
        {csrf !== null && <Menu.Item onClick={() => void logOut()}>{text("shell.logout")}</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}
