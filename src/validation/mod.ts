/**
 * Checks messages by the rules in their `.proto` files ([protovalidate](https://protovalidate.com)). A program that does
 * not import this module does not load protovalidate.
 *
 * ```ts ignore
 * import { serve } from "@vrpc/vrpc";
 * import { validate } from "@vrpc/vrpc/validation";
 *
 * await using server = await serve("127.0.0.1:50051", configure, { interceptors: [validate()] });
 * ```
 *
 * @module
 */

export { validate, type ValidateOptions } from "./validate.ts";
export { type FieldViolation, fieldViolations } from "./field_violations.ts";
