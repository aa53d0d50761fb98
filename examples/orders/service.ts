/**
 * The handlers of the order service; main.ts serves and calls them.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import { type Router, RpcError, Status } from "@vrpc/vrpc";
import {
  type Order,
  OrderSchema,
  OrderService,
  OrderState,
} from "../../proto/gen/examples/shop_pb.ts";

/** Registers the order service. Its orders are kept in memory. */
export function addOrders(router: Router): void {
  const orders: Order[] = [];
  const place = (order: Order = create(OrderSchema)): Order => {
    if (order.items.length === 0) {
      throw new RpcError(Status.INVALID_ARGUMENT, "The order has no items");
    }
    order.number = orders.push(order);
    if (order.state === OrderState.UNSPECIFIED) order.state = OrderState.PLACED;
    return order;
  };
  router.service(OrderService, {
    place: ({ order }) => ({ order: place(order) }),
    *list({ state }) {
      // `state` is optional in the .proto file: undefined is not the same as 0.
      for (const order of orders) if (state === undefined || order.state === state) yield { order };
    },
    async import(requests) {
      let count = 0;
      for await (const { order } of requests) {
        place(order);
        count++;
      }
      return { count };
    },
    async *track(requests) {
      for await (const { number } of requests) yield { number, state: orders[number - 1]?.state };
    },
  });
}
