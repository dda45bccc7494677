/* page.S - the parts of the report's page (analysis/report/page/), as they are, each with a NUL behind it. See report_html.c. */
    .section .rodata, "a"
.macro part name, file
    .global \name
    .hidden \name
\name:
    .incbin "\file"
    .byte 0
.endm
part lens_page_html, "analysis/report/page/report.html"
part lens_page_style, "analysis/report/page/report.css"
part lens_page_script, "analysis/report/page/report.js"
    .section .note.GNU-stack, "", @progbits
