"""The components that come with tandemlab, a module for each part of the palette."""
