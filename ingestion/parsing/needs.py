"""What a person is told to do about a scan that cannot be read here."""

INSTALL = (
    "Ask whoever runs this Footnote to install Tesseract (apt-get install tesseract-ocr) and try again; or run OCR"
    " yourself (for example with ocrmypdf) and upload the result."
)
