"""`issuesum provenance`."""

from pathlib import Path

from issuesum.cli import shared


@shared.verb(
    "issuesum provenance # of the last export",
    "issuesum provenance 0676567ab7e1-59acd52619a2 # of a tag",
    "issuesum provenance --json | jq -r .provenance.commit # what a script needs",
    "issuesum provenance --html lineage.html # a page with graph",
    "issuesum provenance --svg lineage.svg",
)
@shared.image_argument("ref", "[REF]", required=False)
@shared.path_option("--html", about="Also write a self-contained page.")
@shared.path_option("--svg", about="Also write only the lineage graph.")
def command(ref: str | None, *, html: Path | None, svg: Path | None) -> None:
    """Show where an image or a bundle comes from: data, params, commit, scores.

    REF is a tag, a digest, registry/name:tag, a local Docker image id, the folder of a
    bundle, or a receipt; without it, the image last exported. An image is read from its registry;
    Docker Engine is asked for a name without a registry, and for images that the registry lacks.
    """
    from issuesum.lineage.provenance.trace import trace
    from issuesum.lineage.reporting.html import write
    from issuesum.lineage.reporting.provenance_page import page, picture, text_of
    from issuesum.shipping.attestation.attachments import as_attested
    from issuesum.shipping.image.contents import read_local
    from issuesum.stages.params import defaults

    default = shared.default_repository()
    found = trace(
        ref, default=default, read_local=read_local, defaults=defaults(), attested=as_attested
    )
    if html:
        write(html, page(found))
    if svg:
        write(svg, picture(found))
    files = {"page": html, "drawing": svg}
    written = (f"{what:<9} {path}" for what, path in files.items() if path)
    shared.show(found.as_json(), text_of(found).rstrip("\n"), *written)
