"""The drivers that come with devicehub: one file a device family. The file is the registration."""
