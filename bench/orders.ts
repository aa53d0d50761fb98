/** Nested messages as services send them, for benchmarks and tests. */

/** Orders of some 330 bytes each, as an init shape of `bench.OrderList`. */
export function orders(count: number) {
  return { orders: Array.from({ length: count }, (_, i) => order(i)) };
}

function order(i: number) {
  return {
    id: `order-${100_000 + i}`,
    customer: {
      id: `customer-${i}`,
      name: "Ada Lovelace",
      email: "ada@example.com",
      address: {
        street: "12 St James's Square",
        city: "London",
        postalCode: "SW1Y 4JH",
        country: "GB",
      },
    },
    items: [0, 1].map((k) => ({
      sku: `SKU-${i}-${k}`,
      title: "Analytical engine part",
      quantity: k + 1,
      price: { currency: "EUR", units: 1_250n, nanos: 990_000_000 },
      tags: ["brass", "gear"],
    })),
    labels: { channel: "web", region: "eu-west-1" },
    createdAt: { seconds: 1_764_300_000n, nanos: 5_000 },
    state: 1,
    note: "leave at the door",
    payment: { case: "card" as const, value: "4242" },
    history: [1, 2, 300, 4],
    discount: 0.15,
    gift: true,
  };
}
