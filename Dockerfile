# The operator's image: one static binary and nothing beside it. CA roots and time
# zones are embedded in the binary.
#
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=v0.2.0 -t gateway-token-operator .
#
# `make image` builds the same without Docker: docs/releasing.md.
#
# The build runs on the builder's own platform and cross-compiles for the target's.
ARG GO_VERSION=1.26

FROM --platform=${BUILDPLATFORM:-linux/amd64} golang:${GO_VERSION} AS build
ARG TARGETOS=linux
ARG TARGETARCH
WORKDIR /src

# Modules first: they change seldom and are kept as a layer.
COPY go.mod go.sum ./
RUN go mod download

# What `manager version` says; `make image` sets the same.
ARG VERSION
COPY api/ api/
COPY cmd/manager/ cmd/manager/
COPY internal/ internal/
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags="-s -w -X main.version=${VERSION}" -o /out/manager ./cmd/manager

FROM scratch
COPY --from=build /out/manager /manager
# By number, so that runAsNonRoot can be checked without an /etc/passwd.
USER 65532:65532
# Metrics and health.
EXPOSE 8080 8081
ENTRYPOINT ["/manager"]
