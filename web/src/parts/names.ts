/** Names that can be one in an address and on disk, whatever they name; the server knows the rest. */
export const NAME = String.raw`(?!\.+$)(?!\s)[^\/\\]{1,128}(?<!\s)`;

const whole = new RegExp(`^${NAME}$`, "v");
export const isName = (typed: string): boolean => whole.test(typed);
