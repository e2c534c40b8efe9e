"""Files of documents: JSON Lines and Parquet out of a store and into one, and tables that others have made.

```python
from pygent_vec.transfer.files import export_documents, import_documents

await export_documents(store, "library.parquet")
await import_documents("library.parquet", other, on_conflict="skip")
```
"""

from pygent_vec.transfer.files._exporting import ExportReport, export_documents
from pygent_vec.transfer.files._faults import Rejection, Rejections
from pygent_vec.transfer.files._importing import ImportReport, import_documents
from pygent_vec.transfer.files._opening import file_target, source_at
from pygent_vec.transfer.files._options import ROW_NUMBERS, ReadOptions
from pygent_vec.transfer.files._reader import FileSource, FileTarget

__all__ = [
    "ROW_NUMBERS",
    "ExportReport",
    "FileSource",
    "FileTarget",
    "ImportReport",
    "ReadOptions",
    "Rejection",
    "Rejections",
    "export_documents",
    "file_target",
    "import_documents",
    "source_at",
]
