/** Outlines in a box of 24 by 24; they only go along with text. */
const PATHS = {
  home: "M4 11l8-7 8 7M6 9.5V20h12V9.5M10 20v-6h4v6",
  flask: "M9 3h6M10 3v6L4.5 18.5A1.7 1.7 0 006 21h12a1.7 1.7 0 001.5-2.500L14 9V3M7.500 14h9",
  list: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  graph: "M4 4h6v5H4zM14 15h6v5h-6zM7 9v4a3 3 0 003 3h4",
  clock: "M12 3a9 9 0 100 18 9 9 0 000-18M12 7v5l3.500 2",
  bell: "M6 10a6 6 0 0112 0c0 5 2 6 2 7H4c0-1 2-2 2-7M10 20.500a2 2 0 004 0",
  table: "M4 5h16v14H4zM4 10h16M10 10v9",
  cube: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  plug: "M9 3v5M15 3v5M6 8h12v3a6 6 0 01-12 0zM12 17v4",
  chip: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  gear: "M12 9a3 3 0 100 6 3 3 0 000-6M12 3v3M12 18v3M3 12h3M18 12h3M5.600 5.600l2.100 2.100M16.300 16.300l2.100 2.100M5.600 18.400l2.100-2.100M16.300 7.700l2.100-2.100",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600L19 19M5 19l1.400-1.400M17.600 6.400L19 5",
  moon: "M20 14.500A8.500 8.500 0 019.500 4a8.500 8.500 0 1010.500 10.500",
  help: "M12 3a9 9 0 100 18 9 9 0 000-18M9.500 9.500a2.500 2.500 0 113.500 2.300c-.700.300-1 .800-1 1.700M12 17h.01",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6L6 18",
  up: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  check: "M5 12.500l4.500 4.500L19 7.500",
  play: "M7 5l11 7-11 7z",
  undo: "M4 9h10a5 5 0 010 10H8M8 4L4 9l4 5",
  redo: "M20 9H10a5 5 0 000 10h6M16 4l4 5-4 5",
  note: "M4 4h16v11l-5 5H4zM20 15h-5v5",
  pencil: "M4 20l1-5L16 4l4 4L9 19zM13.500 6.500l4 4",
  external: "M14 4h6v6M20 4l-9 9M10 5H5v14h14v-5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
