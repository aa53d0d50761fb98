package main

import (
	"fmt"

	"bench/echo"

	"google.golang.org/protobuf/types/known/timestamppb"
)

func orders(count int) *echo.OrderList {
	list := &echo.OrderList{Orders: make([]*echo.Order, count)}
	for i := range list.Orders {
		list.Orders[i] = order(i)
	}
	return list
}

// order is the one of ../../orders.ts.
func order(i int) *echo.Order {
	items := make([]*echo.Item, 2)
	for k := range items {
		items[k] = &echo.Item{
			Sku:      fmt.Sprintf("SKU-%d-%d", i, k),
			Title:    "Analytical engine part",
			Quantity: uint32(k + 1),
			Price:    &echo.Money{Currency: "EUR", Units: 1_250, Nanos: 990_000_000},
			Tags:     []string{"brass", "gear"},
		}
	}
	note := "leave at the door"
	return &echo.Order{
		Id: fmt.Sprintf("order-%d", 100_000+i),
		Customer: &echo.Customer{
			Id:    fmt.Sprintf("customer-%d", i),
			Name:  "Ada Lovelace",
			Email: "ada@example.com",
			Address: &echo.Address{
				Street:     "12 St James's Square",
				City:       "London",
				PostalCode: "SW1Y 4JH",
				Country:    "GB",
			},
		},
		Items:     items,
		Labels:    map[string]string{"channel": "web", "region": "eu-west-1"},
		CreatedAt: &timestamppb.Timestamp{Seconds: 1_764_300_000, Nanos: 5_000},
		State:     echo.State_STATE_PAID,
		Note:      &note,
		Payment:   &echo.Order_Card{Card: "4242"},
		History:   []int32{1, 2, 300, 4},
		Discount:  0.15,
		Gift:      true,
	}
}
