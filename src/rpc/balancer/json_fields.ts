/**
 * Fields of configurations in JSON, in the forms of protobuf's JSON mapping.
 *
 * @module
 */

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Returns a JSON object. Throws TypeError for anything else. */
export function objectOf(json: unknown, where: string): JsonObject {
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw wrong(where, `${JSON.stringify(json)} is not an object`);
}

/** Returns a number of ms from a duration such as `"0.5s"`. Throws TypeError for anything else. */
export function durationField(
  json: JsonObject,
  name: string,
  where: string,
  defaultMs: number,
): number {
  const value = json[name];
  if (value === undefined || value === null) return defaultMs;
  if (typeof value === "string" && /^[0-9]{1,12}(\.[0-9]{1,9})?s$/.test(value)) {
    return Number(value.slice(0, -1)) * 1_000;
  }
  throw wrong(`${where}.${name}`, `${JSON.stringify(value)} is not a duration such as "0.5s"`);
}

/** Returns a whole number of at least `min`. Throws TypeError for anything else. */
export function integerField(
  json: JsonObject,
  name: string,
  where: string,
  defaultValue: number,
  min = 0,
  max = 2 ** 32 - 1,
): number {
  const value = json[name];
  if (value === undefined || value === null) return defaultValue;
  const number = typeof value === "string" && value !== "" ? Number(value) : value;
  if (Number.isInteger(number) && (number as number) >= min && (number as number) <= max) {
    return number as number;
  }
  throw wrong(
    `${where}.${name}`,
    `${JSON.stringify(value)} is not an integer from ${min} to ${max}`,
  );
}

/** Returns a number of at least 0. Throws TypeError for anything else. */
export function numberField(
  json: JsonObject,
  name: string,
  where: string,
  defaultValue: number,
): number {
  const value = json[name];
  if (value === undefined || value === null) return defaultValue;
  if (typeof value === "number" && value >= 0 && value < Infinity) return value;
  throw wrong(`${where}.${name}`, `${JSON.stringify(value)} is not a number of at least 0`);
}

/** Returns a boolean. Throws TypeError for anything else. */
export function booleanField(json: JsonObject, name: string, where: string): boolean {
  const value = json[name] ?? false;
  if (typeof value === "boolean") return value;
  throw wrong(`${where}.${name}`, `${JSON.stringify(value)} is not a boolean`);
}

/** Makes the error of a field that is not valid. */
export function wrong(where: string, what: string): TypeError {
  return new TypeError(`Cannot parse the configuration of a balancer: ${where}: ${what}`);
}
