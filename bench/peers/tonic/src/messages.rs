//! The messages of ../echo.proto and ../orders.proto.

use std::collections::HashMap;

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Msg {
    #[prost(bytes = "vec", tag = "1")]
    pub payload: Vec<u8>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ChunksRequest {
    #[prost(int32, tag = "1")]
    pub count: i32,
    #[prost(int32, tag = "2")]
    pub size: i32,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Money {
    #[prost(string, tag = "1")]
    pub currency: String,
    #[prost(int64, tag = "2")]
    pub units: i64,
    #[prost(int32, tag = "3")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Address {
    #[prost(string, tag = "1")]
    pub street: String,
    #[prost(string, tag = "2")]
    pub city: String,
    #[prost(string, tag = "3")]
    pub postal_code: String,
    #[prost(string, tag = "4")]
    pub country: String,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Customer {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub email: String,
    #[prost(message, optional, tag = "4")]
    pub address: Option<Address>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub sku: String,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(uint32, tag = "3")]
    pub quantity: u32,
    #[prost(message, optional, tag = "4")]
    pub price: Option<Money>,
    #[prost(string, repeated, tag = "5")]
    pub tags: Vec<String>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, ::prost::Oneof)]
pub enum Payment {
    #[prost(string, tag = "8")]
    Card(String),
    #[prost(string, tag = "9")]
    Iban(String),
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Order {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(message, optional, tag = "2")]
    pub customer: Option<Customer>,
    #[prost(message, repeated, tag = "3")]
    pub items: Vec<Item>,
    #[prost(map = "string, string", tag = "4")]
    pub labels: HashMap<String, String>,
    #[prost(message, optional, tag = "5")]
    pub created_at: Option<Timestamp>,
    #[prost(int32, tag = "6")]
    pub state: i32,
    #[prost(string, optional, tag = "7")]
    pub note: Option<String>,
    #[prost(oneof = "Payment", tags = "8, 9")]
    pub payment: Option<Payment>,
    #[prost(int32, repeated, tag = "10")]
    pub history: Vec<i32>,
    #[prost(double, tag = "11")]
    pub discount: f64,
    #[prost(bool, tag = "12")]
    pub gift: bool,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct OrderList {
    #[prost(message, repeated, tag = "1")]
    pub orders: Vec<Order>,
}

#[derive(Clone, PartialEq, ::prost::Message)]
pub struct ListRequest {
    #[prost(uint32, tag = "1")]
    pub count: u32,
}

/// The order of ../../orders.ts.
pub fn order(i: u32) -> Order {
    let item = |k: u32| Item {
        sku: format!("SKU-{i}-{k}"),
        title: "Analytical engine part".into(),
        quantity: k + 1,
        price: Some(Money { currency: "EUR".into(), units: 1_250, nanos: 990_000_000 }),
        tags: vec!["brass".into(), "gear".into()],
    };
    Order {
        id: format!("order-{}", 100_000 + i),
        customer: Some(Customer {
            id: format!("customer-{i}"),
            name: "Ada Lovelace".into(),
            email: "ada@example.com".into(),
            address: Some(Address {
                street: "12 St James's Square".into(),
                city: "London".into(),
                postal_code: "SW1Y 4JH".into(),
                country: "GB".into(),
            }),
        }),
        items: vec![item(0), item(1)],
        labels: HashMap::from([
            ("channel".into(), "web".into()),
            ("region".into(), "eu-west-1".into()),
        ]),
        created_at: Some(Timestamp { seconds: 1_764_300_000, nanos: 5_000 }),
        state: 1,
        note: Some("leave at the door".into()),
        payment: Some(Payment::Card("4242".into())),
        history: vec![1, 2, 300, 4],
        discount: 0.15,
        gift: true,
    }
}
