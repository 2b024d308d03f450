"""Storage: rows in one SQLite file, pictures in one folder. No Discord, no torch.

Other packages import from here. Repositories and SQL stay in their modules.
"""

# The imports are re-exported for other packages.
# pyright: reportUnusedImport=false

from db.appeals import Appeal, Decision
from db.archive import Archived, restore_archive, write_archive
from db.audit import Act, AuditEntry
from db.backup import drop_copies
from db.banned_pictures import BannedPicture, Looks
from db.blocks import Block
from db.case_entries import Entry, EntryKind
from db.cases import Case, Origin, Outcome
from db.database import Database, Transaction
from db.drawn_regions import DrawnRegion
from db.effects import Effect, EffectKind
from db.erasure import ErasureRequest, PostedAs
from db.errors import DatabaseMissing, DiskFull, ImageGone, StorageError
from db.ids import new_job_id
from db.images import StoredImage, Swept
from db.jobs import (
    Backlog,
    Job,
    JobAction,
    Jobs,
    JobState,
    Note,
    NoteKind,
    Parent,
    PictureSource,
    ReplyTarget,
    Upload,
    UploadId,
)
from db.lockdowns import LockdownState, Mode
from db.member_export import Outlook
from db.member_settings import LONGEST_SUFFIX, NO_DEFAULTS, Distance, MemberDefaults
from db.member_stats import MemberStats
from db.migrate import FILE_NAME
from db.policies import Choice, Scope, ScopeKind
from db.presets import LONGEST_NAME, LONGEST_TEXT
from db.repositories import Repositories
from db.retention import Periods
from db.server_rules import Draft, ServerRule
from db.strikes import Strike
from db.styles import LONGEST_LORAS, LONGEST_STYLE_NAME, LONGEST_WORDS, REMOVED_STYLES_STAY, Style
from db.uploads import StoredUpload
from db.verdicts import SEARCHED, VerdictFilter, VerdictRecord, Verdicts
