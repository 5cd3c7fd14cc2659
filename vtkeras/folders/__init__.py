"""A folder of videos and pictures as it is: listed, looked at in the background, searched by words."""
