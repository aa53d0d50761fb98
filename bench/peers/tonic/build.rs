//! The services of ../echo.proto and ../orders.proto, stated here so that no protoc has to be installed.

use tonic_build::manual::{Builder, Method, Service};

fn method(name: &str, route: &str, input: &str, output: &str) -> tonic_build::manual::MethodBuilder {
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type(input)
        .output_type(output)
        .codec_path("tonic_prost::ProstCodec")
}

fn main() {
    let (msg, list) = ("crate::messages::Msg", "crate::messages::OrderList");
    let (chunks, wanted) = ("crate::messages::ChunksRequest", "crate::messages::ListRequest");
    let echo = Service::builder()
        .name("Echo")
        .package("bench")
        .method(method("unary", "Unary", msg, msg).build())
        .method(method("bidi", "Bidi", msg, msg).client_streaming().server_streaming().build())
        .method(method("chunks", "Chunks", chunks, msg).server_streaming().build())
        .build();
    let orders = Service::builder()
        .name("Orders")
        .package("bench")
        .method(method("echo", "Echo", list, list).build())
        .method(method("list", "List", wanted, list).build())
        .build();
    Builder::new().compile(&[echo, orders]);
}
