"""Names of the fields that travel from a source to a model. Imports nothing."""

# An example, as a source yields it: whatever of these its spec has.
FRAMES = "frames"  # uint8 (time, height, width, 3)
AUDIO = "audio"  # float32 (samples, channels)
VIDEO_ID = "video_id"  # string
CAPTION = "caption"  # string; sources may carry several in CAPTIONS
CAPTIONS = "captions"  # string (references,): every right caption of the clip
QUESTION = "question"  # string, "" when the example asks nothing
ANSWER = "answer"  # string, "" when there is none
LABEL = "label"  # string: labels joined by LABEL_SEPARATOR, "" when there are none
LABEL_SEPARATOR = "|"

# What preprocessing adds for the model.
FRAMES_MASK = "frames_mask"  # bool (time,): False where a frame is padding
FRAME_FEATURES = "frame_features"  # float (time, patches, dim): a frozen encoder's cached output
STATISTICS = "statistics"  # float32 (values,): what linear models read of a clip, cached beside its features
LINEAR_FRAMES = "linear_frames"  # uint8 (time, height, width, 3): the clip as linear models read it
LINEAR_MASK = "linear_mask"  # bool (time,): their FRAMES_MASK
DRAW = "draw"  # int64 (2,): what an example's random numbers are drawn from, another one in every epoch
REFERENCES = "references"  # string: every right caption of the clip, one a line
REWARD_SHARE = "reward_share"  # float: share of the captions that are learned by reward
MATCH_TEXT = "match_text"  # string: the caption as search is to read it, where that is not CAPTION
MATCH_ID = "match_id"  # string: examples with the same one are right for each other
QUESTION_TOKENS = "question_tokens"  # int32 (question_length,)
CAPTION_TOKENS = "caption_tokens"  # int32 (caption_length,)
ANSWER_TOKENS = "answer_tokens"  # int32 (answer_length,): a written answer, as the decoder reads it
STATEMENT_TOKENS = "statement_tokens"  # int32 (statements, caption_length): the clip's caption, and those of others
MATCH_TOKENS = "match_tokens"  # int32 (caption_length,): the caption as the text tower reads it

# Encoder outputs.
SEQUENCE = "sequence"  # float (batch, length, dim)
MASK = "mask"  # bool (batch, length)
POOLED = "pooled"  # float (batch, dim)
LINEAR = "linear"  # float (batch, channels): the clip as linear models see it
MAPS = "maps"  # float (batch, length, patches): what a token that stands for no single patch is made of

# What the heads of a video-text model may read.
READS_VIDEO = "video"  # the clip
READS_QUESTION = "question"  # the question's words after they have read the clip
READS_STATEMENT = "statement"  # captions, true and false ones, after they have read the clip
READS_TEXT = "text"  # a caption by itself

# Splits.
TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)


def in_order(splits):
    """Names of splits, each once: these three first, then a user's own by name."""
    named = set(splits)
    return [split for split in SPLITS if split in named] + sorted(named.difference(SPLITS))
