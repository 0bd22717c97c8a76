// Exact decimals as whole numbers of a smallest step (BigInt). No price, quantity or amount is ever a float.

/** What is wrong with a number that a person typed. */
export type Wrong = "empty" | "comma" | "not-a-number" | "too-many-decimals" | "off-step" | "too-large";

export type Read = { units: bigint; wrong?: undefined } | { units?: undefined; wrong: Wrong };

const DIGITS = /^(\d*)(?:\.(\d*))?$/;
const MOST_DIGITS = 40;

/** How many decimals a decimal text has, without zeros at its end. */
export function decimalsOf(text: string): number {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.slice(point + 1).replace(/0+$/, "").length;
}

/** A venue's decimal text in units of 10^-scale; decimals beyond that must be zeros. RangeError for anything else. */
export function parse(text: string, scale: number): bigint {
  const isNegative = text.startsWith("-");
  const found = DIGITS.exec(isNegative ? text.slice(1) : text);
  if (found === null || text === "" || text === "-" || text === ".") throw new RangeError(`no decimal: ${text}`);
  const fraction = found[2] ?? "";
  if (/[1-9]/.test(fraction.slice(scale))) throw new RangeError(`more than ${scale} decimals: ${text}`);
  const units = BigInt((found[1] ?? "") + fraction.slice(0, scale).padEnd(scale, "0") || "0");
  return isNegative ? -units : units;
}

/** A number of units of 10^-scale as text, with `least` decimals at least and no zeros beyond them. */
export function format(units: bigint, scale: number, least: number = scale): string {
  const isNegative = units < 0n;
  const digits = (isNegative ? -units : units).toString().padStart(scale + 1, "0");
  let fraction = digits.slice(digits.length - scale);
  if (scale === 0) fraction = "";
  while (fraction.length > least && fraction.endsWith("0")) fraction = fraction.slice(0, -1);
  const whole = digits.slice(0, digits.length - scale);
  return (isNegative ? "-" : "") + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** The same with thousands set apart by thin spaces, for people. */
export function grouped(text: string): string {
  const point = text.indexOf(".");
  const whole = point < 0 ? text : text.slice(0, point);
  return whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (point < 0 ? "" : text.slice(point));
}

/** One decimal text less another, with the decimals of the one that has more. */
export function difference(text: string, less: string): string {
  const scale = Math.max(decimalsOf(text), decimalsOf(less));
  return format(parse(text, scale) - parse(less, scale), scale);
}

/** A decimal text without zeros at its end, but with `least` decimals. */
export function trimmed(text: string, least = 2): string {
  const scale = Math.max(decimalsOf(text), least);
  return format(parse(text, scale), scale);
}

/** A gain or a loss: with its sign, and thousands set apart. */
export function signed(text: string): string {
  return (text.startsWith("-") || !/[1-9]/.test(text) ? "" : "+") + grouped(text);
}

/** What a person typed, as units of 10^-scale that are a multiple of `step`. Nothing is rounded or guessed. */
export function read(typed: string, scale: number, step: bigint = 1n): Read {
  const text = typed.trim();
  if (text === "") return { wrong: "empty" };
  if (text.includes(",")) return { wrong: "comma" };
  const found = DIGITS.exec(text);
  if (found === null || text === ".") return { wrong: "not-a-number" };
  if (text.length > MOST_DIGITS) return { wrong: "too-large" };
  const fraction = (found[2] ?? "").replace(/0+$/, "");
  if (fraction.length > scale) return { wrong: "too-many-decimals" };
  const units = parse(`${found[1] || "0"}.${fraction}`, scale);
  return units % step === 0n ? { units } : { wrong: "off-step" };
}

/** What to tell a person of it. */
export function explain(wrong: Wrong, scale: number, step: string): string {
  switch (wrong) {
    case "empty":
      return "Enter a number.";
    case "comma":
      return "Is the comma a decimal point or a thousands separator? Write 1234.5.";
    case "not-a-number":
      return "Write digits with at most one point, such as 0.25.";
    case "too-many-decimals":
      return scale === 0 ? "Whole numbers only." : `At most ${scale} decimals.`;
    case "off-step":
      return `Must be a multiple of ${step}.`;
    case "too-large":
      return "This number is too large.";
  }
}
