//! bench.Echo as ../echo.proto has it, said here so that no protoc has to be installed.

use tonic_build::manual::{Builder, Method, Service};

fn method(name: &str, route: &str, input: &str) -> tonic_build::manual::MethodBuilder {
    Method::builder()
        .name(name)
        .route_name(route)
        .input_type(input)
        .output_type("crate::messages::Msg")
        .codec_path("tonic_prost::ProstCodec")
}

fn main() {
    let service = Service::builder()
        .name("Echo")
        .package("bench")
        .method(method("unary", "Unary", "crate::messages::Msg").build())
        .method(method("bidi", "Bidi", "crate::messages::Msg").client_streaming().server_streaming().build())
        .method(method("chunks", "Chunks", "crate::messages::ChunksRequest").server_streaming().build())
        .build();
    Builder::new().compile(&[service]);
}
