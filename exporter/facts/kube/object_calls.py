"""Webhook configurations, CRDs and APIServices in; what each has the API server call, and trust there, out.

An object is decoded once, and each of its caBundles read once, however many of its webhooks repeat it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from exporter.facts.base64 import go_base64
from exporter.facts.certificate import Certificate, CertificateError, EmptyFileError, NoCertificateError
from exporter.facts.kube.metadata import Metadata, bounded_text, decoded
from exporter.facts.x509 import authority_file
from exporter.reason import CaBundleStatus, FailurePolicy

__all__ = ["BundleContent", "Call", "ObjectCalls", "ServiceReference", "api_service", "conversion", "webhooks"]


@dataclass(frozen=True, slots=True)
class BundleContent:
    """What one caBundle holds."""

    certificates: tuple[Certificate, ...]
    """Those that can be read."""
    status: CaBundleStatus = CaBundleStatus.OK
    unreadable: str = ""
    """What is wrong with it, in words that speak of a caBundle."""


class ServiceReference(msgspec.Struct, frozen=True):
    """A Service as these objects name it; port None: 443."""

    name: str = ""
    namespace: str = ""
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the API server makes because of an object."""

    bundle: BundleContent | None
    """None: there is no caBundle, so the roots of the API server's host count."""
    service: ServiceReference | None
    url: str = ""
    """Where there is no Service."""
    failure_policy: FailurePolicy = FailurePolicy.NONE
    verified: bool = True
    """Whether the API server looks at the certificate at all: not under insecureSkipTLSVerify."""


@dataclass(frozen=True, slots=True)
class ObjectCalls:
    """The calls of one object; none where it has none made, such as a local APIService."""

    kind: str
    """The Kubernetes kind."""
    name: str
    calls: tuple[Call, ...]


class _ClientConfig(msgspec.Struct):
    caBundle: str | None = None
    service: ServiceReference | None = None
    url: str | None = None


class _Webhook(msgspec.Struct):
    clientConfig: _ClientConfig | None = None
    failurePolicy: str | None = None


class _WebhookConfiguration(msgspec.Struct):
    metadata: Metadata
    webhooks: list[_Webhook] | None = None


class _ApiServiceSpec(msgspec.Struct):
    caBundle: str | None = None
    service: ServiceReference | None = None
    insecureSkipTLSVerify: bool = False


class _ApiService(msgspec.Struct):
    metadata: Metadata
    spec: _ApiServiceSpec | None = None


class _ConversionWebhook(msgspec.Struct):
    clientConfig: _ClientConfig | None = None


class _Conversion(msgspec.Struct):
    webhook: _ConversionWebhook | None = None


class _DefinitionSpec(msgspec.Struct):
    conversion: _Conversion | None = None


class _Definition(msgspec.Struct):
    """A CustomResourceDefinition without its schemas, which are nearly all of it."""

    metadata: Metadata
    spec: _DefinitionSpec | None = None


_WEBHOOKS = msgspec.json.Decoder(_WebhookConfiguration)
_API_SERVICE = msgspec.json.Decoder(_ApiService)
_DEFINITION = msgspec.json.Decoder(_Definition)


def webhooks(kind: str, raw: bytes) -> ObjectCalls:
    """Those of a ValidatingWebhookConfiguration or MutatingWebhookConfiguration. Raises ObjectError.

    failurePolicy is Fail where it is not given (admissionregistration.k8s.io/v1).
    """
    found = decoded(_WEBHOOKS, raw)
    listed = [(one.clientConfig or _ClientConfig(), one.failurePolicy == "Ignore") for one in found.webhooks or ()]
    contents = _contents(one.caBundle for one, _ in listed)
    return ObjectCalls(
        kind,
        bounded_text(found.metadata.name),
        tuple(
            Call(
                contents[one.caBundle or ""],
                one.service,
                one.url or "",
                FailurePolicy.IGNORE if ignored else FailurePolicy.FAIL,
            )
            for one, ignored in listed
        ),
    )


def api_service(raw: bytes) -> ObjectCalls:
    """That of an APIService; one that the API server serves itself has neither Service nor caBundle. Raises
    ObjectError.
    """
    found = decoded(_API_SERVICE, raw)
    spec = found.spec or _ApiServiceSpec()
    content = _contents([spec.caBundle])[spec.caBundle or ""]
    call = Call(content, spec.service, verified=not spec.insecureSkipTLSVerify)
    return ObjectCalls("APIService", bounded_text(found.metadata.name), (call,))


def conversion(raw: bytes) -> ObjectCalls:
    """That of the webhook that converts a custom resource; most have none (strategy `None`). Raises ObjectError."""
    found = decoded(_DEFINITION, raw)
    how = found.spec.conversion if found.spec else None
    config = how.webhook.clientConfig if how and how.webhook else None
    calls: tuple[Call, ...] = ()
    if config is not None:
        calls = (Call(_contents([config.caBundle])[config.caBundle or ""], config.service, config.url or ""),)
    return ObjectCalls("CustomResourceDefinition", bounded_text(found.metadata.name), calls)


def _contents(texts: Iterable[str | None]) -> dict[str, BundleContent | None]:
    """Each different caBundle, read: most configurations repeat one in each webhook."""
    return {text: _content(text) if text else None for text in {text or "" for text in texts}}


def _content(text: str) -> BundleContent:
    try:
        content = go_base64(text.encode())
    except ValueError:
        return BundleContent((), CaBundleStatus.MALFORMED, "it is not base64")
    try:
        found = authority_file(content)
    except EmptyFileError:
        return BundleContent((), CaBundleStatus.EMPTY, "it is empty")
    except NoCertificateError:
        return BundleContent((), CaBundleStatus.NO_CERTIFICATE, "it holds no certificate")
    except CertificateError as error:
        return BundleContent((), CaBundleStatus.MALFORMED, _fault(str(error)))
    if found.fault:
        return BundleContent(found.certificates, CaBundleStatus.MALFORMED, _fault(found.fault))
    return BundleContent(found.certificates)


def _fault(words: str) -> str:
    return words if words.startswith("certificate ") else "a certificate in it cannot be read"
