import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { FieldDescriptorProtoSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import { OrderSchema } from "../../proto/gen/bench/orders_pb.ts";
import { SlotLayout } from "../../src/protobuf/message_slots.ts";
import type { Fields } from "../../src/protobuf/shape.ts";

Deno.test("a message of empty slots is what create() makes", () => {
  for (const schema of [OrderSchema, FieldDescriptorProtoSchema, StructSchema]) {
    const layout = new SlotLayout(schema);
    const [one, other] = [layout.make(layout.empty()), layout.make(layout.empty())];
    const expected = create(schema) as unknown as Fields;
    assert.deepEqual(one, expected);
    assert.equal(Object.getPrototypeOf(one), Object.getPrototypeOf(expected));
    // Containers are not shared.
    for (const [name, value] of Object.entries(one)) {
      if (typeof value === "object") assert.notEqual(value, other[name], name);
    }
  }
});

Deno.test("slots of a message have its own values, and an update sets what they have become", () => {
  const layout = new SlotLayout(FieldDescriptorProtoSchema);
  const [name, label, typeName] = ["name", "label", "type_name"].map((field) =>
    layout.placeOf(FieldDescriptorProtoSchema.fields.find((one) => one.name === field)!)
  );
  const slots = layout.empty();
  slots[name] = "a";
  const message = layout.make(slots);
  const again = layout.of(message);
  assert.equal(again[name], "a");
  // A default value of the prototype is none of the message's own.
  assert.equal(again[label], undefined);
  again[typeName] = ".b";
  layout.unknownOf(again).push({ no: 999, wireType: 0, data: Uint8Array.of(1) });
  layout.update(message, again);
  assert.deepEqual(Object.keys(message).sort(), ["$typeName", "$unknown", "name", "typeName"]);
  assert.equal(layout.unknownOf(layout.of(message)).length, 1);
});

Deno.test("the fields of a oneof have one place", () => {
  const layout = new SlotLayout(OrderSchema);
  const place = (name: string) =>
    layout.placeOf(OrderSchema.fields.find((field) => field.name === name)!);
  assert.equal(place("card"), place("iban"));
  assert.notEqual(place("card"), place("note"));
});
