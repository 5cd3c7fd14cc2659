"""The one exception that means "the user can put this right"."""


class UserError(Exception):
    """A problem in what the user gave us, told in one sentence.

    The message names the file or value at fault and the way out. The command line prints it
    without a traceback and exits with code 2; the dashboard shows it as an error box.

    Example:
        >>> raise UserError("captions.csv row 7: no video 'cat.mp4' in clips/. Check the path column.")
    """
